import { program } from './session.ts';

export const fraud = program.command('fraud').description('what calls and suppliers are judged by');
