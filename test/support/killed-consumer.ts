// Child process of the crash suite: consumer-from-position; killed-child.ts says what its arguments are.
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runKilled } from './killed-child.ts';

await runKilled(runConsumerFromPosition);
