import { useId, useState, type ComponentProps, type ReactNode } from 'react';
import { ApiError } from '../client';
import { exactly, fromNow } from '../clock';

type ButtonProps = ComponentProps<'button'> & {
  readonly look?: 'main' | 'plain' | 'danger' | 'quiet';
  /** The permission that is missing: the button stays, and says why it does nothing. */
  readonly missing?: string | false;
};

export function Button({ look = 'plain', missing = false, onClick, children, ...rest }: ButtonProps) {
  const blocked = missing !== false;
  return (
    <button
      type="button"
      {...rest}
      className={`button ${look} ${rest.className ?? ''}`}
      aria-disabled={blocked || rest['aria-disabled']}
      title={blocked ? `needs ${missing}` : rest.title}
      onClick={blocked ? (event) => event.preventDefault() : onClick}
    >
      {children}
    </button>
  );
}

interface FieldProps extends ComponentProps<'input'> {
  readonly label: string;
  readonly help?: ReactNode;
  readonly fault?: string | undefined;
}

export function Field({ label, help, fault, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        {...rest}
        aria-describedby={help || fault ? `${id}-help` : undefined}
        aria-invalid={fault ? true : undefined}
      />
      {(fault ?? help) && (
        <p id={`${id}-help`} className={fault ? 'fault' : 'note'}>
          {fault ?? help}
        </p>
      )}
    </div>
  );
}

interface AreaProps extends ComponentProps<'textarea'> {
  readonly label: string;
  readonly help?: ReactNode;
}

export function Area({ label, help, ...rest }: AreaProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} rows={3} {...rest} aria-describedby={help ? `${id}-help` : undefined} />
      {help && (
        <p id={`${id}-help`} className="note">
          {help}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps extends Omit<ComponentProps<'select'>, 'onChange'> {
  readonly label: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChoose: (value: string) => void;
  readonly help?: ReactNode;
}

export function Choice({ label, options, onChoose, help, ...rest }: ChoiceProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} {...rest} onChange={(event) => onChoose(event.target.value)}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {help && <p className="note">{help}</p>}
    </div>
  );
}

interface CheckProps extends Omit<ComponentProps<'input'>, 'type'> {
  readonly label: ReactNode;
}

export function Check({ label, ...rest }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" {...rest} /> <span>{label}</span>
    </label>
  );
}

export type Tone = 'good' | 'warn' | 'danger' | 'neutral';

/** A status by its shape, its word and its colour. */
export function Badge({ tone, shape, children }: { tone: Tone; shape: string; children: ReactNode }) {
  return (
    <span className={`badge ${tone}`}>
      <span aria-hidden="true">{shape}</span> {children}
    </span>
  );
}

/** A time as people say it, with the exact one in the tooltip. */
export function Ago({ time, none = 'never' }: { time: string | null | undefined; none?: string }) {
  if (!time) return <span className="muted">{none}</span>;
  return (
    <time dateTime={time} title={exactly(time)}>
      {fromNow(time)}
    </time>
  );
}

export function Exactly({ time, none = '–' }: { time: string | null | undefined; none?: string }) {
  if (!time) return <span className="muted">{none}</span>;
  return (
    <time dateTime={time} title={fromNow(time)}>
      {exactly(time)}
    </time>
  );
}

/** An id, shortened in the middle; the whole of it is copied. */
export function Id({ value, name }: { value: string; name: string }) {
  const short = value.length > 12 ? `${value.slice(0, 6)}…${value.slice(-4)}` : value;
  return (
    <span className="id">
      <code title={`${name} ${value}`}>{short}</code>
      <Copy value={value} name={name} />
    </span>
  );
}

export function Copy({ value, name, text = 'Copy' }: { value: string; name: string; text?: string }) {
  const [isDone, setDone] = useState(false);
  if (!('clipboard' in navigator)) return null;
  return (
    <button
      type="button"
      className="copy"
      aria-label={`${text} ${name}`}
      title={`${text} ${name}`}
      onClick={() =>
        void navigator.clipboard.writeText(value).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 2_000);
        })
      }
    >
      {isDone ? <span aria-hidden="true">✓</span> : <CopyMark />}
      <span role="status" className="unseen">
        {isDone ? `${name} copied` : ''}
      </span>
    </button>
  );
}

function CopyMark() {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5" />
    </svg>
  );
}

/** A name that may be long: cut on the page, whole in the tooltip. */
export function Name({ text }: { text: string }) {
  return (
    <bdi className="clamp" title={text}>
      {text}
    </bdi>
  );
}

/** A refusal in the place of what failed, with the words of the server. */
export function Failure({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  const { message, reqId, status } =
    error instanceof ApiError
      ? error
      : new ApiError(0, error instanceof Error ? error.message : String(error), null, null);
  const title =
    status === 404
      ? 'Not here, or of another organization.'
      : status === 503
        ? 'The server cannot answer at the moment.'
        : status === 403
          ? 'Your role does not allow this.'
          : 'This did not work.';
  return (
    <div className="failure" role="alert">
      <strong>
        <span aria-hidden="true">▲ </span>
        {title}
      </strong>
      <p>{message}</p>
      {reqId && (
        <p className="note">
          Request <code>{reqId}</code> <Copy value={reqId} name="request id" />
        </p>
      )}
      {again && (
        <Button onClick={again} look="plain">
          Try again
        </Button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p>
        <strong>{title}</strong>
      </p>
      {children}
    </div>
  );
}

export function Loading({ rows = 5 }: { rows?: number }) {
  return (
    <div className="skeleton" role="status">
      <span className="unseen">Loading</span>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  );
}

export function Facts({ items }: { items: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <circle cx="9" cy="6.5" r="4" />
      <path d="M9 10.5V21h7M9 16h4" />
    </svg>
  );
}
