import type { GatewayProduct } from '../config.ts'
import { planApache } from './apache.ts'
import { createApacheDriver } from './apache-driver.ts'
import type { Driver, RunningProduct } from './driver.ts'
import { planEnvoy } from './envoy.ts'
import { createEnvoyDriver } from './envoy-driver.ts'
import { planHaproxy } from './haproxy.ts'
import { createHaproxyDriver } from './haproxy-driver.ts'
import type { RefusalLog } from './haproxy-driver.ts'
import { planNginx } from './nginx.ts'
import { createNginxDriver } from './nginx-driver.ts'
import type { ProductPlan, ProductSetup } from './product.ts'

/** Configuration and arguments of a product. */
export function planOf(product: GatewayProduct, setup: ProductSetup): ProductPlan {
  switch (product) {
    case 'nginx':
      return planNginx(setup)
    case 'haproxy':
      return planHaproxy(setup)
    case 'apache':
      return planApache(setup)
    case 'envoy':
      return planEnvoy(setup)
  }
}

/** How a running product is asked. */
export function driverOf(
  product: GatewayProduct,
  running: RunningProduct,
  log: RefusalLog,
): Driver {
  switch (product) {
    case 'nginx':
      return createNginxDriver(running)
    case 'haproxy':
      return createHaproxyDriver(running, log)
    case 'apache':
      return createApacheDriver(running)
    case 'envoy':
      return createEnvoyDriver(running)
  }
}
