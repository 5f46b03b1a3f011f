/** A number with what it counts, as people write it: `1 device`, `3 entries`. Pure; anybody's. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
