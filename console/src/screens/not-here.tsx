import { Link } from '@tanstack/react-router';
import { Page } from '../parts/page';

export function NotHere() {
  return (
    <Page title="Not here">
      <p>The console has no such page.</p>
      <p>
        <Link to="/">To the overview</Link>
      </p>
    </Page>
  );
}
