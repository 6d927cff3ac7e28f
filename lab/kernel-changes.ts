/** The operations of a `Netlinker` that change the kernel: what a crash can fall between, and what a set-up costs. */
export const kernelChanges = [
  'tunnelAdd',
  'tunnelSetMtu',
  'tunnelUp',
  'tunnelDown',
  'tunnelDelete',
  'addressAdd',
  'addressDelete',
  'ruleAdd',
  'ruleDelete',
  'routesReplace',
  'routesDelete',
  'socketsAbort',
] as const;
