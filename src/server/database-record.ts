import type { ClusterRecord } from '../embedded-postgres/cluster-record';
import { EmbeddedPostgresError } from '../embedded-postgres/errors';
import { relocatedCandidates } from '../embedded-postgres/relocated';
import type { KeptFiles } from './kept-files';
import { StartError } from './start-error';

export const RECORD = 'database.json';

/** The record of the database in its data directory. Each field is set from the moment when the event has happened. */
interface Content {
  readonly systemIdentifier?: string;
  readonly isSetUp?: true;
}

/**
 * Says whether the data directory has had a database, and which. It is written before anything else, so that an interrupted
 * first start can be told from a database that is gone. In a directory of a release without a record, the files that are there
 * decide.
 */
export class DatabaseRecord implements ClusterRecord {
  /** @param traces files that only an earlier start can have left */
  constructor(
    private readonly files: KeptFiles,
    private readonly dir: string,
    private readonly traces: {
      readonly ofStart: boolean;
      readonly ofSetUp: boolean;
      readonly secret: string | undefined;
    },
  ) {
    // A process that starts at the same moment writes the record before it leaves a trace. So traces were looked for first.
    if (!traces.ofStart) files.create(RECORD, serialize({}));
  }

  /** Whether there has been a database, by any sign. */
  get hasDatabase(): boolean {
    const content = this.read();
    return content === undefined || content.systemIdentifier !== undefined;
  }

  require(found: string | undefined, dataDir: string): void {
    const content = this.read();
    if (found === undefined) {
      if (this.hasDatabase) throw this.gone(dataDir, content?.systemIdentifier);
      return;
    }
    const expected = content?.systemIdentifier;
    if (expected === undefined) return this.write({ ...(content ?? this.adopted()), systemIdentifier: found });
    if (expected !== found) throw this.exchanged(dataDir, found, expected);
  }

  /** Called when the database says that it was never set up. @throws StartError when it was. */
  requireNotSetUp(): void {
    if (!(this.read() ?? this.adopted()).isSetUp) return;
    throw new StartError(
      `The database of ${this.dir} is empty, although it was set up before: restore its contents from a backup, or, to begin ` +
        `with an empty one on purpose, move ${this.dir} away.`,
    );
  }

  noteSetUp(): void {
    const content = this.read();
    if (content?.isSetUp !== true) this.write({ ...content, isSetUp: true });
  }

  private adopted(): Content {
    return this.traces.ofSetUp ? { isSetUp: true } : {};
  }

  private read(): Content | undefined {
    const text = this.files.read(RECORD);
    if (text === undefined) return undefined;
    const content = parse(text);
    if (content !== undefined) return content;
    throw new StartError(`${this.files.pathOf(RECORD)} cannot be understood: restore it from a backup, or remove it.`);
  }

  private write(content: Content): void {
    this.files.replace(RECORD, serialize(content));
  }

  private gone(dataDir: string, expected: string | undefined): EmbeddedPostgresError {
    const which = expected === undefined ? 'a database' : `the database with the system identifier ${expected}`;
    const candidates = relocatedCandidates();
    const elsewhere =
      candidates.length === 0 ? '' : ` (an earlier release may have put it into ${candidates.join(' or ')})`;
    return new EmbeddedPostgresError(
      `An earlier start with ${this.dir} left ${which} in ${dataDir}, which is not there any more, so put it back${elsewhere} ` +
        `or, to begin with an empty one on purpose, move ${this.dir} away${this.beforehand()}.`,
    );
  }

  /** A secret that the operator provides looks like one of an earlier start. */
  private beforehand(): string {
    const { ofSetUp, secret } = this.traces;
    if (ofSetUp || secret === undefined || this.read() !== undefined) return '';
    return ` or, if this is the first start, move ${secret} out of it and set LATCHKEY_AUTH_SECRET_FILE to where it is then`;
  }

  private exchanged(dataDir: string, found: string, expected: string): EmbeddedPostgresError {
    return new EmbeddedPostgresError(
      `The database in ${dataDir} is another one (system identifier ${found}) than the one that belongs to ${this.dir} ` +
        `(${expected}), so put that back or, to use this one on purpose, remove ${this.files.pathOf(RECORD)}.`,
    );
  }
}

function serialize(content: Content): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

function parse(text: string): Content | undefined {
  try {
    const content = JSON.parse(text) as Content | null;
    if (typeof content !== 'object' || content === null) return undefined;
    return ['string', 'undefined'].includes(typeof content.systemIdentifier) ? content : undefined;
  } catch {
    return undefined;
  }
}
