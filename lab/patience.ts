/** How many times longer than elsewhere to wait here before giving up: told by the place, since kernels differ in speed. */
export const patience = Number(process.env.LAB_PATIENCE ?? 1);
