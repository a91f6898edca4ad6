/** An energy this near an end is at it, J; less than that is no charge, and would make a bus voltage beyond arithmetic. */
const ENERGY_SNAP_J = 1e-9;

/** An energy kept between empty and the capacity, at an end when it is next to it, J. */
export function snappedEnergyJ(energyJ: number, capacityJ: number): number {
  if (energyJ <= ENERGY_SNAP_J) return 0;
  return energyJ >= capacityJ - ENERGY_SNAP_J ? capacityJ : energyJ;
}
