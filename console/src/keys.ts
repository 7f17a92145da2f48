import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { SECTIONS } from './sections';
import { settings } from './settings';

interface Handlers {
  readonly palette: () => void;
  readonly help: () => void;
}

/** Single letters work outside of fields only, and can be switched off (WCAG 2.1.4). */
export function useKeys({ palette, help }: Handlers): void {
  const navigate = useNavigate();
  const goes = useRef(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        palette();
        return;
      }
      const target = event.target as HTMLElement;
      const isWriting = target.closest('input, textarea, select, [role=dialog], [role=alertdialog]') !== null;
      if (isWriting || event.ctrlKey || event.metaKey || event.altKey || settings.get().keys === 'off') return;
      const to = goes.current ? SECTIONS.find(([, , key]) => key === event.key)?.[0] : undefined;
      goes.current = event.key === 'g';
      if (to !== undefined) void navigate({ to });
      else if (event.key === '?') help();
      else if (event.key === '/') {
        const field = document.querySelector<HTMLInputElement>('main input[type=search]');
        if (!field) return;
        event.preventDefault();
        field.focus();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [navigate, palette, help]);
}
