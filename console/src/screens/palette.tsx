import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useId, useState, type KeyboardEvent } from 'react';
import { Dialog, Heading } from 'react-aria-components/Dialog';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { api, ask } from '../client';
import { isSecretLike } from '../secret-like';
import { payloadOf } from '../session';
import { SECTIONS } from '../sections';

interface Choice {
  readonly text: string;
  readonly note: string;
  readonly go: () => unknown;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Finds pages, identities, and whatever an id in a log line belongs to. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const listId = useId();
  const choices = useChoices(text.trim());
  useEffect(() => setAt(0), [text]);
  const choose = (choice: Choice | undefined) => {
    if (!choice) return;
    onClose();
    choice.go();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter') choose(choices[at]);
    if (step === undefined || choices.length === 0) return;
    event.preventDefault();
    setAt((at + step + choices.length) % choices.length);
  };
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Modal className="modal palette">
        <Dialog className="dialog">
          <Heading slot="title" className="unseen">
            Find or do
          </Heading>
          <input
            autoFocus
            role="combobox"
            aria-label="A page, a name, or an id"
            aria-expanded={choices.length > 0}
            aria-controls={listId}
            aria-activedescendant={choices.length > 0 ? `${listId}-${at}` : undefined}
            aria-autocomplete="list"
            placeholder="A page, a name, an id, a request…"
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={onKey}
          />
          <div role="listbox" id={listId} aria-label="Found">
            {choices.map((choice, place) => (
              <div
                key={`${choice.note} ${choice.text}`}
                id={`${listId}-${place}`}
                role="option"
                aria-selected={place === at}
                onPointerMove={() => setAt(place)}
                onClick={() => choose(choice)}
              >
                {choice.text} <span className="note">{choice.note}</span>
              </div>
            ))}
          </div>
          <p className="note" role="status">
            {choices.length === 0 ? 'Nothing is found.' : `${choices.length} found. Enter opens.`}
          </p>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function useChoices(text: string): Choice[] {
  const navigate = useNavigate();
  const recognized = useRecognized(text);
  const isName = text.length >= 2 && recognized.length === 0 && !isSecretLike(text);
  const { data } = useQuery({
    queryKey: ['palette', text],
    queryFn: ({ signal }) => {
      const body = { limit: 8, search: { name: { $contains: text } } };
      return ask(api.POST('/api/v1/identities/search', { body, signal }));
    },
    enabled: isName,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const pages = SECTIONS.filter(([, name]) => name.toLowerCase().includes(text.toLowerCase())).map(
    ([to, name]): Choice => ({ text: name, note: 'page', go: () => navigate({ to }) }),
  );
  const identities = (isName ? (data?.identities ?? []) : []).map(({ identityId, identity }): Choice => ({
    text: identity.name,
    note: 'identity',
    go: () => navigate({ to: '/identities/$id', params: { id: identityId }, search: {} }),
  }));
  return recognized.length > 0 ? recognized : [...pages, ...identities];
}

/** A pasted JWT is neither sent nor kept: only the id in its payload is used. */
function useRecognized(text: string): Choice[] {
  const navigate = useNavigate();
  const claimed = text.split('.').length === 3 ? payloadOf(text).jti : undefined;
  const jti = typeof claimed === 'string' && UUID.test(claimed) ? claimed : undefined;
  const tokenPage = (id: string, note: string): Choice => ({
    text: 'Open the token',
    note,
    go: () => navigate({ to: '/tokens/$id', params: { id } }),
  });
  if (jti !== undefined) return [tokenPage(jti, 'named in the pasted JWT, which is not sent')];
  if (UUID.test(text))
    return [
      tokenPage(text, 'with this id'),
      {
        text: 'Open the identity',
        note: 'with this id',
        go: () => navigate({ to: '/identities/$id', params: { id: text }, search: {} }),
      },
      {
        text: 'Search the audit log',
        note: 'for this identity',
        go: () => navigate({ to: '/audit', search: { identity: text, days: '30' } }),
      },
      {
        text: 'Search the audit log',
        note: 'for this token',
        go: () => navigate({ to: '/audit', search: { token: text, days: '30' } }),
      },
    ];
  if (/^req-[\w-]{8,}$/.test(text))
    return [
      { text: 'Explain this request', note: text, go: () => navigate({ to: '/requests/$id', params: { id: text } }) },
      {
        text: 'Search the audit log',
        note: 'for this request',
        go: () => navigate({ to: '/audit', search: { req: text, days: '92' } }),
      },
    ];
  return [];
}
