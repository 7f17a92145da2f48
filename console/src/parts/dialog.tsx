import { useState, type ReactNode } from 'react';
import { Dialog, Heading } from 'react-aria-components/Dialog';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { Button, Failure } from './basics';

interface BoxProps {
  readonly title: string;
  readonly onClose: () => void;
  /** Whether Escape and a click outside leave it open. */
  readonly isGuarded?: boolean;
  readonly role?: 'dialog' | 'alertdialog';
  readonly children: ReactNode;
}

/** A dialog that keeps the focus, and gives it back. */
export function Box({ title, onClose, isGuarded = false, role = 'dialog', children }: BoxProps) {
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={!isGuarded}
      isKeyboardDismissDisabled={isGuarded}
      onOpenChange={(isOpen) => !isOpen && onClose()}
    >
      <Modal className="modal">
        <Dialog className="dialog" role={role}>
          <Heading slot="title" className="section">
            {title}
          </Heading>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Must be typed before the action is offered. */
  readonly typed?: string;
  readonly act: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** Asks before something is done. Cancel has the focus. */
export function Confirm({ title, action, isDangerous = false, typed, act, onClose, children }: ConfirmProps) {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [text, setText] = useState('');
  const isReady = typed === undefined || text.trim() === typed;
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await act();
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <Box title={title} onClose={onClose} role="alertdialog">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !isBusy) void run();
        }}
      >
        {children}
        {typed !== undefined && (
          <label className="field">
            Type {typed}
            <input value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" />
          </label>
        )}
        {error !== undefined && <Failure error={error} />}
        <div className="actions">
          <button type="button" className="button plain" onClick={onClose} autoFocus={typed === undefined}>
            Cancel
          </button>
          <Button type="submit" look={isDangerous ? 'danger' : 'main'} aria-disabled={!isReady || isBusy}>
            {isBusy ? 'Working…' : action}
          </Button>
        </div>
      </form>
    </Box>
  );
}
