import { useEffect, useRef, useState } from 'react';
import { Field } from './basics';

const PAUSE_MS = 250;

/** A search as one types. What was typed is in the address a moment later. */
export function Search({ label, value, onSearch }: { label: string; value: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(value);
  const said = useRef(value);
  useEffect(() => {
    // By Back or a link, and not by this field.
    if (value === said.current) return;
    said.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text.trim() === said.current) return;
    const timer = setTimeout(() => {
      said.current = text.trim();
      onSearch(text.trim());
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, onSearch]);
  return (
    <div className="grow field">
      <Field label={label} type="search" value={text} onChange={(event) => setText(event.target.value)} />
    </div>
  );
}
