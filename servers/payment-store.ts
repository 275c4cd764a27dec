/** One payment, in the order in which its JSON is written. */
export interface Payment {
  readonly id: string
  readonly org_id: string
  /** Decimal text: money is no floating point number. */
  readonly amount: string
  readonly currency: string
  readonly state: 'pending' | 'settled' | 'refused'
  /** Makes the answer longer, where that is asked for. */
  readonly note?: string
}

/** The payments of all tenants, in memory: a measured request costs no database. */
export interface PaymentStore {
  /** Null when this tenant has no such payment. */
  readonly read: (path: { orgId: string; paymentId: string }) => Payment | null
  /** Null when the body is no payment. */
  readonly create: (path: { orgId: string }, body: unknown) => Payment | null
  /** Null when this tenant has no such payment. */
  readonly refuse: (path: { orgId: string; paymentId: string }) => Payment | null
}

/** How the payments of measured requests are. */
export interface PaymentStoreOptions {
  /** Length of their JSON; 0 = as it is. */
  readonly bodyBytes?: number
  /** Tenants beside `acme` that have one: `tenant-1` and so on. */
  readonly tenants?: number
}

/** Creates a store that holds the payment of every measured request. */
export function createPaymentStore({
  bodyBytes = 0,
  tenants = 0,
}: PaymentStoreOptions = {}): PaymentStore {
  const others = Array.from({ length: tenants }, (_, index) => ({
    ...measured,
    org_id: `tenant-${index + 1}`,
  }))
  const payments = new Map(
    [measured, ...others].map((payment) => [
      keyOf(payment.org_id, payment.id),
      padded(payment, bodyBytes),
    ]),
  )
  let created = 0

  const read: PaymentStore['read'] = ({ orgId, paymentId }) =>
    payments.get(keyOf(orgId, paymentId)) ?? null
  return {
    read,
    create: ({ orgId }, body) => {
      const order = parseOrder(body)
      if (order === null) return null
      created += 1
      const id = `pay_${firstCreated + (created % maxCreated)}`
      const payment: Payment = { id, org_id: orgId, ...order, state: 'pending' }
      payments.set(keyOf(orgId, id), payment)
      return payment
    },
    refuse: (path) => {
      const payment = read(path)
      if (payment === null) return null
      const refused: Payment = { ...payment, state: 'refused' }
      payments.set(keyOf(path.orgId, path.paymentId), refused)
      return refused
    },
  }
}

/** The same payment with a note that fills up; one that is longer anyway stays as it is. */
function padded(payment: Payment, bodyBytes: number): Payment {
  const missing = bodyBytes - JSON.stringify({ ...payment, note: '' }).length
  return missing > 0 ? { ...payment, note: 'x'.repeat(missing) } : payment
}

function parseOrder(body: unknown): Pick<Payment, 'amount' | 'currency'> | null {
  if (typeof body !== 'object' || body === null) return null
  if (!('amount' in body) || !('currency' in body)) return null
  const { amount, currency } = body
  if (typeof amount !== 'string' || !/^\d{1,12}\.\d{2}$/.test(amount)) return null
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) return null
  return { amount, currency }
}

/** Path segments hold no raw line feed, so no two pairs share a key. */
function keyOf(orgId: string, paymentId: string): string {
  return `${orgId}\n${paymentId}`
}

/** The payment of the measured request; every server, the reference too, answers these very bytes. */
export const measured: Payment = {
  id: 'pay_1001',
  org_id: 'acme',
  amount: '129.95',
  currency: 'EUR',
  state: 'settled',
}
const firstCreated = 2_000
/** Ids are used again after this many, so a long run does not fill the memory. */
const maxCreated = 10_000
