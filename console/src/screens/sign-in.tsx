import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { SignInForm } from '../parts/sign-in-form';
import { Mark } from '../parts/basics';
import { SITE } from '../client';

export function SignIn() {
  const { to } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const [isPlain] = useState(() => !isSecureContext);
  useEffect(() => {
    document.title = 'Sign in · Latchkey';
  }, []);
  return (
    <main className="entrance">
      <div className="brand">
        <Mark /> <h1>Latchkey</h1>
      </div>
      <p className="muted">Signing in to {SITE}</p>
      {isPlain && (
        <p className="warning" role="note">
          This page came without TLS: a program on the way can read the token.
        </p>
      )}
      <SignInForm onDone={() => void navigate({ href: to ?? '/', replace: true })} />
    </main>
  );
}
