import type {Container} from './container.js';

/** What must hold of the image, in words, and how to find out; a text that comes back is printed beside it. */
export type Check = readonly [behaviour: string, check: (container: Container) => Promise<unknown>];
