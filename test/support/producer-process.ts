// The real producer as a process of its own, with the settings files of its working directory.
import { type CommandOptions, CommandProcess } from './command-process.ts';

export class ProducerProcess extends CommandProcess {
  /** `directory` has params.json and config.json in it. */
  constructor({ args, ...options }: CommandOptions) {
    const settings = ['--params', 'params.json', '--config', 'config.json'];
    super('producer', { ...options, args: [...args, ...settings] });
  }
}
