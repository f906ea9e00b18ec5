// The pom.xml by which Maven fetches an artifact into the directory that the property stack.out names.
import type { Coordinates } from './coordinates.ts';

const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';
/** Maven puts the directory in. */
const OUT = '$'.concat('{stack.out}');
const EXECUTE_AT = 'package';

/** The elements of `group:artifact:version`, as far as given. */
function gav(coordinate: string): string {
  const [group, artifact, version] = coordinate.split(':');
  const last = version === undefined ? '' : `<version>${version}</version>`;
  return `<groupId>${group}</groupId><artifactId>${artifact}</artifactId>${last}`;
}

function dependency(coordinate: string, leftOut: readonly string[]): string {
  const alone = coordinate.endsWith('!');
  const exclusions = (alone ? ['*:*'] : leftOut)
    .map((each) => `<exclusion>${gav(each)}</exclusion>`)
    .join('');
  const name = alone ? coordinate.slice(0, -1) : coordinate;
  return `<dependency>${gav(name)}<exclusions>${exclusions}</exclusions></dependency>`;
}

const execution = (goal: string, configuration: string) => `<execution>
  <id>${goal}</id><phase>${EXECUTE_AT}</phase><goals><goal>${goal}</goal></goals>
  <configuration>${configuration}</configuration>
</execution>`;

const JARS = execution(
  'copy-dependencies',
  `<outputDirectory>${OUT}/lib</outputDirectory><includeScope>runtime</includeScope><includeTypes>jar</includeTypes>`,
);

function unpacking({ archive, files }: NonNullable<Coordinates['unpack']>): string {
  const classifier = archive.split(':')[3];
  return execution(
    'unpack',
    `<artifactItems><artifactItem>${gav(archive)}<classifier>${classifier}</classifier><type>tar.gz</type></artifactItem></artifactItems>
  <includes>${files}</includes>
  <outputDirectory>${OUT}/unpacked</outputDirectory><markersDirectory>${OUT}/markers</markersDirectory>`,
  );
}

export function pomXml(name: string, coordinates: Coordinates): string {
  const { dependencies, leftOut, managed = [], unpack } = coordinates;
  return `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>kafka-hive.stack</groupId><artifactId>${name}</artifactId><version>1</version>
<packaging>pom</packaging>
<dependencyManagement><dependencies>
${managed.map((each) => `<dependency>${gav(each)}</dependency>`).join('\n')}
</dependencies></dependencyManagement>
<dependencies>
${dependencies.map((each) => dependency(each, leftOut)).join('\n')}
</dependencies>
<build><plugins><plugin>
${gav(PLUGIN)}
<executions>
${JARS}
${unpack ? unpacking(unpack) : ''}
</executions>
</plugin></plugins></build>
</project>
`;
}
