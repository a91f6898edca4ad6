/** Units and ranges that many keys of a profile share. */
export const RATIO = { unit: "1", min: 0, max: 1 } as const;
export const PERCENT = { unit: "%", min: 0, max: 100 } as const;
export const WATTS = { unit: "W", min: 0, max: 1e6 } as const;
export const TEMPERATURE = { unit: "C", min: -120, max: 160 } as const;
