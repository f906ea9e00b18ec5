// Child process of the crash suite: the hdfs-consumer; killed-child.ts says what its arguments are.
import { runHdfsConsumer } from '../../consumer/hdfs-consumer.ts';
import { runKilled } from './killed-child.ts';

await runKilled(runHdfsConsumer);
