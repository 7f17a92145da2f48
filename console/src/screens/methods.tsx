import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, ask } from '../client';
import { bodyOf, fieldsOf, METHOD_FORMS, type Given, type MethodField, type MethodForm } from '../method-fields';
import { useMissing } from '../me';
import { Area, Badge, Button, Check, Choice, Empty, Failure, Field, Loading } from '../parts/basics';
import { Confirm } from '../parts/dialog';
import { Section } from '../parts/page';
import { methodName } from '../parts/token-status';
import { identityQuery } from './identity';

/** The ways of an identity to get a token. */
export function IdentityMethods() {
  const { id } = useParams({ from: '/shell/identities/$id' });
  const { data } = useQuery(identityQuery(id));
  if (!data) return <Loading rows={3} />;
  const { authMethods, activeLockoutAuthMethods } = data.identity;
  return (
    <div className="grid">
      {METHOD_FORMS.map(({ slug, about }) => {
        const isAttached = authMethods.includes(slug);
        return (
          <Section
            key={slug}
            title={methodName(slug)}
            aside={
              isAttached ? (
                <Badge
                  tone={activeLockoutAuthMethods.includes(slug) ? 'warn' : 'good'}
                  shape={activeLockoutAuthMethods.includes(slug) ? '◷' : '●'}
                >
                  {activeLockoutAuthMethods.includes(slug) ? 'Locked' : 'Attached'}
                </Badge>
              ) : null
            }
          >
            <p className="muted">{about}</p>
            <div className="actions">
              <Link
                className="button plain"
                to="/identities/$id/methods/$method"
                params={{ id, method: slug }}
                aria-label={`${isAttached ? 'Edit' : 'Attach'} ${methodName(slug)}`}
              >
                {isAttached ? 'Edit' : 'Attach'}
              </Link>
            </div>
          </Section>
        );
      })}
    </div>
  );
}

/** The paths of every method have one shape. */
const call = {
  read: (slug: string, identityId: string) =>
    api.GET(`/api/v1/auth/${slug}/identities/{identityId}` as '/api/v1/auth/token-auth/identities/{identityId}', {
      params: { path: { identityId } },
    }),
  attach: (slug: string, identityId: string, body: object) =>
    api.POST(`/api/v1/auth/${slug}/identities/{identityId}` as '/api/v1/auth/token-auth/identities/{identityId}', {
      params: { path: { identityId } },
      body,
    }),
  update: (slug: string, identityId: string, body: object) =>
    api.PATCH(`/api/v1/auth/${slug}/identities/{identityId}` as '/api/v1/auth/token-auth/identities/{identityId}', {
      params: { path: { identityId } },
      body,
    }),
  remove: (slug: string, identityId: string) =>
    api.DELETE(`/api/v1/auth/${slug}/identities/{identityId}` as '/api/v1/auth/token-auth/identities/{identityId}', {
      params: { path: { identityId } },
    }),
};

export function IdentityMethod() {
  const { id, method } = useParams({ from: '/shell/identities/$id/methods/$method' });
  const form = METHOD_FORMS.find(({ slug }) => slug === method);
  const { data: identity } = useQuery(identityQuery(id));
  const isAttached = identity?.identity.authMethods.includes(method) === true;
  const { data, error, isPending } = useQuery({
    queryKey: ['method-form', id, method],
    queryFn: () => ask(call.read(method, id)).then((answer) => (answer as Record<string, unknown>)[form!.answer]),
    enabled: form !== undefined && isAttached,
    gcTime: 0,
  });
  if (!form) return <Empty title="There is no such auth method." />;
  if (!identity || (isAttached && isPending)) return <Loading />;
  if (error) return <Failure error={error} />;
  const configuration = isAttached ? (data as Record<string, unknown>) : null;
  return <FormOf key={String(configuration?.updatedAt)} id={id} form={form} configuration={configuration} />;
}

interface FormProps {
  readonly id: string;
  readonly form: MethodForm;
  readonly configuration: Readonly<Record<string, unknown>> | null;
}

function FormOf({ id, form, configuration }: FormProps) {
  const isNew = configuration === null;
  const missing = useMissing();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [given, setGiven] = useState<Given>(() => fieldsOf(form, configuration));
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [isRemoving, setRemoving] = useState(false);
  const name = methodName(form.slug);
  const refresh = () =>
    Promise.all(
      [['identity', id], ['method', id], ['method-form', id], ['tokens']].map((queryKey) =>
        queries.invalidateQueries({ queryKey }),
      ),
    );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy || missing('identity:edit-auth')) return;
    setBusy(true);
    setError(undefined);
    try {
      const body = bodyOf(form, given);
      await ask(isNew ? call.attach(form.slug, id, body) : call.update(form.slug, id, body));
      setSaid('Saved.');
      await refresh();
      if (isNew) void navigate({ to: '/identities/$id/methods', params: { id } });
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  const isOpen = Object.values(given).some(
    (value) => typeof value === 'string' && /(^|\n)(0\.0\.0\.0|::)\/0/.test(value),
  );
  return (
    <>
      <form className="card stack" onSubmit={(event) => void submit(event)} aria-label={name}>
        <h2>{isNew ? `Attach ${name}` : name}</h2>
        <p className="muted">{form.about}</p>
        <div className="form">
          {form.fields.map((field) => (
            <FieldOf
              key={field.name}
              field={field}
              isNew={isNew}
              value={given[field.name] ?? ''}
              onChange={(value) => setGiven({ ...given, [field.name]: value })}
            />
          ))}
        </div>
        {isOpen && (
          <p className="warning">
            <span>
              <span aria-hidden="true">▲ </span>A token can be used from any address.
            </span>
          </p>
        )}
        {error !== undefined && <Failure error={error} />}
        <div className="actions">
          <Button type="submit" look="main" missing={missing('identity:edit-auth')} aria-disabled={isBusy}>
            {isNew ? `Attach ${name}` : 'Save'}
          </Button>
          {!isNew && (
            <Button look="danger" missing={missing('identity:revoke-auth')} onClick={() => setRemoving(true)}>
              Remove…
            </Button>
          )}
          <span role="status" className="note">
            {said}
          </span>
        </div>
      </form>
      {isRemoving && (
        <Confirm
          title={`Remove ${name}?`}
          action={`Remove ${name}`}
          isDangerous
          onClose={() => setRemoving(false)}
          act={async () => {
            await ask(call.remove(form.slug, id));
            await refresh();
            void navigate({ to: '/identities/$id/methods', params: { id } });
          }}
        >
          <p>
            Every token that {name} has issued for this identity is refused from now on. Attaching it again brings none
            back.
          </p>
        </Confirm>
      )}
    </>
  );
}

interface FieldOfProps {
  readonly field: MethodField;
  readonly isNew: boolean;
  readonly value: string | boolean;
  readonly onChange: (value: string | boolean) => void;
}

function FieldOf({ field, isNew, value, onChange }: FieldOfProps) {
  const { label, kind, help, options = [], isRequired = false } = field;
  if (kind === 'flag')
    return <Check label={label} checked={value === true} onChange={(event) => onChange(event.target.checked)} />;
  if (kind === 'choice')
    return <Choice label={label} value={String(value)} options={options} onChoose={onChange} help={help} />;
  if (kind === 'networks' || kind === 'pairs' || kind === 'lines' || kind === 'secret')
    return (
      <Area
        label={label}
        value={String(value)}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        help={kind === 'secret' && !isNew ? 'Empty: it stays as it is.' : help}
      />
    );
  const isNumber = kind === 'seconds' || kind === 'count';
  return (
    <Field
      label={label}
      value={String(value)}
      required={isRequired}
      autoComplete="off"
      {...(isNumber ? { type: 'number', min: 0, inputMode: 'numeric' as const } : {})}
      onChange={(event) => onChange(event.target.value)}
      help={help}
    />
  );
}
