import { useQuery } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { api, ask, SITE } from '../client';
import { lasting } from '../clock';
import { meQuery } from '../me';
import { Choice, Exactly, Facts } from '../parts/basics';
import { Page, Section } from '../parts/page';
import { methodName } from '../parts/token-status';
import { settings, type Settings } from '../settings';

export function SettingsScreen() {
  const chosen = useSyncExternalStore(settings.subscribe, settings.get);
  const { data: me } = useQuery(meQuery);
  const { data: status } = useQuery({ queryKey: ['status'], queryFn: () => ask(api.GET('/api/status')) });
  const set = (name: keyof Settings) => (value: string) => settings.set({ [name]: value });
  return (
    <Page title="Settings">
      <Section title="This browser">
        <div className="form">
          <Choice
            label="Theme"
            value={chosen.theme}
            options={[
              ['system', 'As the system has it'],
              ['light', 'Light'],
              ['dark', 'Dark'],
            ]}
            onChoose={set('theme')}
          />
          <Choice
            label="Times"
            value={chosen.zone}
            options={[
              ['local', 'In the zone of this browser'],
              ['utc', 'In UTC'],
            ]}
            onChoose={set('zone')}
          />
          <Choice
            label="Keys of a single letter"
            value={chosen.keys}
            options={[
              ['on', 'On'],
              ['off', 'Off'],
            ]}
            onChoose={set('keys')}
          />
        </div>
        <p className="note">
          These three are all that the console keeps in this browser. The token is kept by the tab.
        </p>
      </Section>
      {me && (
        <Section title="This session">
          <Facts
            items={[
              ['Identity', me.identityName],
              ['Role', me.role],
              ['Method', methodName(me.authMethod)],
              ['Token', me.tokenName ?? '(no name)'],
              ['Runs out', <Exactly key="end" time={me.expiresAt} none="never" />],
              ['Instance administrator', me.isInstanceAdmin ? 'yes' : 'no'],
            ]}
          />
        </Section>
      )}
      <Section title="The server">
        <Facts
          items={[
            ['Address', SITE],
            ['Clock', <Exactly key="clock" time={status?.date} />],
            ['Longest life of a token', status ? lasting(status.maxIdentityAccessTokenTTL) : '–'],
          ]}
        />
        <p>
          <a href={`${SITE}/api/docs`} rel="noreferrer">
            API documentation
          </a>
        </p>
      </Section>
    </Page>
  );
}
