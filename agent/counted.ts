/** A number with what it counts, as people write it: `1 device`, `3 entries`. Pure; anybody's. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** `one problem`, `3 problems`: of what a person is to mend. */
export function countedProblems(count: number): string {
  return count === 1 ? 'one problem' : `${count} problems`;
}
