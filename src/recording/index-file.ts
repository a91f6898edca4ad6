/** Where the index of a recording's file lies. */
export function indexPath(path: string): string {
  return `${path}.idx`;
}
