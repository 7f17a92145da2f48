import type { INestApplicationContext } from '@nestjs/common';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { LATENCY, type MetricDefinition, METRICS } from './definitions';
import { MetricSources } from './metric-sources';

/**
 * Adds Latchkey's metrics to a registry of `prom-client`. Nothing is exposed: the application answers with the registry's text
 * where it wants to. docs/monitoring.md lists the metrics. They are read when the registry is asked, and cost a request almost
 * nothing.
 *
 * @param app the application with `LatchkeyModule`, after `init` or `listen`. It has one registry at most.
 * @param registry the one that the application exposes.
 * @throws Error if the registry has these metrics already.
 */
export function registerLatchkeyMetrics(app: INestApplicationContext, registry: Registry): void {
  const sources = new MetricSources(app);
  for (const definition of METRICS) register(definition, sources, registry);
  const latency = new Histogram({
    name: LATENCY.name,
    help: LATENCY.help,
    labelNames: LATENCY.labels,
    buckets: [...LATENCY.buckets],
    registers: [registry],
  });
  sources.cache.meter.onLatency((source, ms) => latency.observe({ source }, ms / 1_000));
}

function register(
  { name, help, labels = [], type, read }: MetricDefinition,
  sources: MetricSources,
  to: Registry,
): void {
  const settings = { name, help, labelNames: labels, registers: [to] };
  if (type === 'gauge') {
    const gauge: Gauge = new Gauge({
      ...settings,
      collect: () => {
        gauge.reset();
        for (const { labels: values = {}, value } of read(sources)) gauge.set(values, value);
      },
    });
  } else {
    const counter: Counter = new Counter({
      ...settings,
      collect: () => {
        counter.reset();
        for (const { labels: values = {}, value } of read(sources)) counter.inc(values, value);
      },
    });
  }
}
