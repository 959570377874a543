import { Presets, SingleBar } from 'cli-progress';

/** Tells how far the demo is, on standard error: a bar in a terminal, lines elsewhere. */
export interface Display {
  say(line: string): void;
  /** One step of `total` parts. */
  step(name: string, total: number): Step;
}

export interface Step {
  /** So many parts are done by now. */
  reach(done: number): void;
  end(line: string): void;
}

export function createDisplay(stream: NodeJS.WriteStream): Display {
  const say = (line: string) => void stream.write(`${line}\n`);
  return {
    say,
    step(name, total) {
      if (!stream.isTTY) {
        say(`${name} ...`);
        return { reach: () => undefined, end: say };
      }
      const format = `${name.padEnd(26)} {bar} {value}/{total}`;
      const bar = new SingleBar(
        { format, stream, clearOnComplete: true, barsize: 30 },
        Presets.shades_classic,
      );
      bar.start(total, 0);
      return {
        reach: (done) => bar.update(done),
        end(line) {
          bar.stop();
          say(line);
        },
      };
    },
  };
}
