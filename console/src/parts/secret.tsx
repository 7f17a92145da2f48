import { useEffect, useRef, useState } from 'react';
import { useBlocker } from '@tanstack/react-router';
import { SITE } from '../client';
import { Button, Check, Copy } from './basics';

/** Where a secret goes. Only `.env` holds the secret itself. */
function snippetsFor(variable: string): readonly (readonly [name: string, text: string])[] {
  const name = variable.toLowerCase().replaceAll('_', '-');
  return [
    ['curl', `curl -H "Authorization: Bearer $${variable}" ${SITE}/api/v1/identities/details`],
    ['Node SDK', `new InfisicalSDK({ siteUrl: '${SITE}' }).auth().accessToken(process.env.${variable})`],
    [
      'GitHub Actions',
      `gh secret set ${variable}\n# in the workflow:\nenv:\n  ${variable}: \${{ secrets.${variable} }}`,
    ],
    [
      'Kubernetes',
      `kubectl create secret generic ${name} --from-file=value=/dev/stdin\n# in the pod:\nvalueFrom: { secretKeyRef: { name: ${name}, key: value } }`,
    ],
  ];
}

function loginSnippets(clientId: string): readonly (readonly [name: string, text: string])[] {
  return [
    [
      'curl',
      `curl ${SITE}/api/v1/auth/universal-auth/login -d clientId=${clientId} -d "clientSecret=$LATCHKEY_CLIENT_SECRET"`,
    ],
    [
      'Node SDK',
      `new InfisicalSDK({ siteUrl: '${SITE}' }).auth().universalAuth.login({\n  clientId: '${clientId}',\n  clientSecret: process.env.LATCHKEY_CLIENT_SECRET,\n})`,
    ],
    ['GitHub Actions', 'gh secret set LATCHKEY_CLIENT_SECRET'],
  ];
}

interface SecretProps {
  /** What it is, such as "token". */
  readonly what: string;
  readonly secret: string;
  readonly variable: string;
  /** For a client secret. */
  readonly clientId?: string;
  readonly onDone: () => void;
}

/**
 * Shows a secret once. It stays until it was copied or said to be stored: neither Escape, nor a click elsewhere, nor Back takes it
 * away. Afterwards nothing of the page holds it.
 */
export function SecretOnce({ what, secret, variable, clientId, onDone }: SecretProps) {
  const [isShown, setShown] = useState(false);
  const [isCopied, setCopied] = useState(false);
  const [isStored, setStored] = useState(false);
  const [chosen, setChosen] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  useBlocker({
    shouldBlockFn: () => !isDone.current,
    enableBeforeUnload: () => !isDone.current,
  });
  useEffect(() => field.current?.focus(), []);
  const snippets = clientId === undefined ? snippetsFor(variable) : loginSnippets(clientId);
  const [, snippet] = snippets[chosen] ?? snippets[0]!;
  const done = () => {
    isDone.current = true;
    if (field.current) field.current.value = '';
    onDone();
  };
  const copy = async (text: string) => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  const hasClipboard = 'clipboard' in navigator;
  return (
    <section className="card stack" aria-label={`The new ${what}`}>
      <h2>Copy it now. It is not shown again.</h2>
      <div className="secret">
        <input
          ref={field}
          readOnly
          // A field for passwords would make the browser offer to keep it.
          className={isShown ? undefined : 'masked'}
          autoComplete="off"
          value={secret}
          aria-label={`The ${what}`}
          spellCheck={false}
          onFocus={(event) => event.target.select()}
        />
        <Button onClick={() => setShown(!isShown)} aria-pressed={isShown}>
          {isShown ? 'Hide' : 'Show'}
        </Button>
        {hasClipboard && (
          <Button look="main" onClick={() => void copy(secret)}>
            Copy {what}
          </Button>
        )}
        {hasClipboard && <Button onClick={() => void copy(`${variable}=${secret}\n`)}>Copy as .env line</Button>}
      </div>
      <p role="status" className="note">
        {isCopied ? 'Copied. Whatever is copied next takes its place in the clipboard.' : ''}
      </p>
      <div className="tabs" role="group" aria-label="How to use it">
        {snippets.map(([name], at) => (
          <button key={name} type="button" aria-pressed={at === chosen} onClick={() => setChosen(at)}>
            {name}
          </button>
        ))}
      </div>
      <div className="snippet">
        <pre tabIndex={0} aria-label="Example">
          {snippet}
        </pre>
        <Copy value={snippet} name="example" />
      </div>
      <Check label="I have stored it" checked={isStored} onChange={(event) => setStored(event.target.checked)} />
      <div className="actions">
        <Button look="main" aria-disabled={!isStored && !isCopied} onClick={() => (isStored || isCopied) && done()}>
          Done
        </Button>
      </div>
    </section>
  );
}
