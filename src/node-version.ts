/**
 * Stops with a word of advice when the running Node is older than callclear needs.
 *
 * Every entry point imports this first. `npm run` preloads the same file, because a Node that is old enough
 * cannot load TypeScript at all and would never come as far as this import.
 */
import '../bin/check-node.cjs';
