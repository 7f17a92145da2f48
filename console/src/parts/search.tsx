import { useEffect, useRef, useState } from 'react';
import { isSecretLike } from '../secret-like';
import { Field } from './basics';

const PAUSE_MS = 250;
const SECRET_FAULT =
  'This may be a token or a key, and is not searched for: neither a JWT, nor 32 or more characters without a space that are no id.';

/** A search as one types. What was typed is in the address a moment later, unless it may be a secret. */
export function Search({ label, value, onSearch }: { label: string; value: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(value);
  const said = useRef(value);
  const isSecret = isSecretLike(text);
  useEffect(() => {
    // By Back or a link, and not by this field.
    if (value === said.current) return;
    said.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (isSecret || text.trim() === said.current) return;
    const timer = setTimeout(() => {
      said.current = text.trim();
      onSearch(text.trim());
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, isSecret, onSearch]);
  return (
    <div className="grow field">
      <Field
        label={label}
        type="search"
        value={text}
        fault={isSecret ? SECRET_FAULT : undefined}
        onChange={(event) => setText(event.target.value)}
      />
    </div>
  );
}
