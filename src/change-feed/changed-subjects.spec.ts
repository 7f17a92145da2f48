import fc from 'fast-check';
import { ChangedSubjects, EVERYTHING } from './changed-subjects';

describe('what has changed', () => {
  it('is told to whoever looked before, and to nobody who looked after', () => {
    const changes = new ChangedSubjects();
    const before = changes.now;
    changes.add(['a', 'b']);
    expect(changes.hasChangedSince(before, ['x', 'a'])).toBe(true);
    expect(changes.hasChangedSince(before, ['x', 'y'])).toBe(false);
    expect(changes.hasChangedSince(changes.now, ['a'])).toBe(false);
  });

  it('is everything after a change of everything', () => {
    const changes = new ChangedSubjects();
    const before = changes.now;
    changes.add([EVERYTHING]);
    expect(changes.hasChangedSince(before, ['x'])).toBe(true);
    expect(changes.hasChangedSince(changes.now, ['x'])).toBe(false);
  });

  it('is never missed, whatever was forgotten meanwhile', () => {
    const subject = fc.constantFrom(...'abcdefghijkl', EVERYTHING);
    fc.assert(
      fc.property(
        fc.array(fc.array(subject, { maxLength: 4 }), { maxLength: 60 }),
        fc.nat(6),
        (batches, remembered) => {
          const changes = new ChangedSubjects(remembered + 1);
          const log: { at: number; subjects: string[] }[] = [];
          const moments = [changes.now];
          for (const batch of batches) {
            changes.add(batch);
            log.push({ at: changes.now, subjects: batch });
            moments.push(changes.now);
          }
          for (const moment of moments) {
            for (const asked of 'abcdefghijkl') {
              const isTrue = log.some(
                ({ at, subjects }) => at > moment && (subjects.includes(asked) || subjects.includes(EVERYTHING)),
              );
              if (isTrue) expect(changes.hasChangedSince(moment, [asked])).toBe(true);
            }
          }
          expect(changes.hasChangedSince(changes.now, ['a'])).toBe(false);
        },
      ),
    );
  });
});
