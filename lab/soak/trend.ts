/** A measurement after so much work. */
export interface Sample {
  /** Steps done so far. */
  readonly steps: number;
  /** Bytes. */
  readonly memory: number;
}

/** Fewer samples say nothing of a trend. */
export const fewestSamples = 16;

/** The part of the samples that is not judged: in the beginning code is compiled, and what is made only once is made. */
const beginning = 1 / 3;

/**
 * Bytes that a run may add in the part that is judged, however long it is: code that is compiled late, and events of one
 * kind that take the place of another's in the history. Up to 1 MB was seen, in some 300 steps, and nothing after those.
 */
export const allowance = 2_000_000;

/** Bytes a step that are allowed besides: a tenth of what a single event that is never let go of takes. */
export const tolerance = 1000;

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
  const judged = settled(samples);
  const perStep = slope(judged);
  const bound = tolerance + allowance / ((judged.at(-1)?.steps ?? 0) - (judged[0]?.steps ?? 0));
  if (perStep <= bound) return undefined;
  const series = samples.map(({steps, memory}) => `${steps}: ${(memory / 1e6).toFixed(2)}`).join(', ');
  return `memory grows by ${perStep.toFixed(0)} bytes a step, more than ${bound.toFixed(0)} (step: MB): ${series}`;
}
