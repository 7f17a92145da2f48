import { OutboundHttp } from '../../common/net/outbound-http';

/** Sends requests to URLs that the operator has set, also to private addresses and without TLS. Metadata services are never reached. */
export class OperatorHttp extends OutboundHttp {}
