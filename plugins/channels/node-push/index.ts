import { systemClock } from '../../../lanes/clock.ts'
import { gatewayPlugin } from '../../define.ts'
import { Apns } from './apns.ts'
import { Fcm } from './fcm.ts'

/** Push services for companion devices, used by `node.push`. */
export default gatewayPlugin({ name: 'node-push', dependencies: ['config', 'nodes'] }, async (app) => {
  const settings = () => app.config.server.nodes.push
  app.nodes.pushServices.add(new Apns({ settings: () => settings().apns, clock: systemClock }))
  app.nodes.pushServices.add(new Fcm({ settings: () => settings().fcm, clock: systemClock }))
})
