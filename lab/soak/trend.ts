/** A measurement after so much work. */
export interface Sample {
  /** Steps done so far. */
  readonly steps: number;
  /** Bytes. */
  readonly memory: number;
}

/** Fewer samples say nothing of a trend. */
export const fewestSamples = 12;

/** The part of the samples that is not judged: in the beginning code is compiled, and what is made only once is made. */
const beginning = 1 / 3;

/**
 * Bytes a step that memory may grow by. A tunnel set up and torn down leaves several times as much when so little as its
 * spec is kept; what the collector happens to leave is less once it is spread over a run.
 */
export const tolerance = 1500;

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
};

/** The samples that count. */
export const settled = (samples: readonly Sample[]): Sample[] => samples.slice(Math.floor(samples.length * beginning));

/**
 * Bytes a step: the median of the slopes between all pairs of samples (Theil and Sen), which up to a quarter of wild
 * samples do not move.
 */
export function slope(samples: readonly Sample[]): number {
  const slopes = samples.flatMap((later, index) =>
    samples
      .slice(0, index)
      .filter(earlier => earlier.steps < later.steps)
      .map(earlier => (later.memory - earlier.memory) / (later.steps - earlier.steps)),
  );
  return median(slopes);
}

/** Why the samples show that memory leaks, or show nothing; `undefined` where all is well. */
export function memoryFault(samples: readonly Sample[]): string | undefined {
  if (samples.length < fewestSamples) return `${samples.length} samples of memory are too few to judge by`;
  const perStep = slope(settled(samples));
  if (perStep <= tolerance) return undefined;
  const series = samples.map(({steps, memory}) => `${steps}: ${(memory / 1e6).toFixed(2)}`).join(', ');
  return `memory grows by ${perStep.toFixed(0)} bytes a step, more than ${tolerance} (step: MB): ${series}`;
}
