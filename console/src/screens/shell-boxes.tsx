import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { Button } from '../parts/basics';
import { Box } from '../parts/dialog';
import { SignInForm } from '../parts/sign-in-form';
import { SECTIONS } from '../sections';
import { session } from '../session';

/** What one was writing stays beneath the dialog. Another identity begins again. */
export function SignInAgain({ onDone }: { onDone: () => void }) {
  const navigate = useNavigate();
  const [before] = useState(() => session.get()?.identityId);
  return (
    <Box
      title="Sign in again"
      isGuarded
      onClose={() => {
        session.end();
        onDone();
      }}
    >
      <p>The server no longer accepts the token of this session. The page beneath stays as it is.</p>
      <SignInForm
        onDone={() => {
          if (session.get()?.identityId !== before) void navigate({ to: '/', replace: true, ignoreBlocker: true });
          onDone();
        }}
      />
      <Button
        onClick={() => {
          session.end(true);
          onDone();
        }}
      >
        Sign out
      </Button>
    </Box>
  );
}

export function KeySheet({ onClose }: { onClose: () => void }) {
  const keys: readonly (readonly [string, string])[] = [
    ['Ctrl K', 'Find or do'],
    ['/', 'Search in a list'],
    ...SECTIONS.map(([, text, key]): [string, string] => [`g ${key}`, text]),
    ['?', 'This sheet'],
    ['Esc', 'Close'],
  ];
  return (
    <Box title="Keys" onClose={onClose}>
      <table>
        <tbody>
          {keys.map(([key, text]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="note">Single letters can be switched off in the settings.</p>
      <div className="actions">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Box>
  );
}
