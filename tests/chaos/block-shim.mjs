/** Blocks the event loop of the process that preloads it for BLOCK_MS at each SIGUSR2, as a heavy computation would. */
process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.env.BLOCK_MS));
});
