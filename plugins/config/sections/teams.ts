import { Type } from '@sinclair/typebox'
import { endpoint } from './endpoint.ts'
import { filled, groups, secret, section } from './schema-helpers.ts'

export const Teams = section('Microsoft Teams, at POST /teams/events', {
  app_id: Type.Optional(Type.String({ description: 'Application id of the bot', ...filled })),
  app_password: Type.Optional(Type.String({ description: 'Client secret of the bot', ...secret, ...filled })),
  tenant_id: Type.Optional(Type.String({ description: 'Accepted tenant. Absent: any, for a multi-tenant bot', ...filled })),
  service_hosts: Type.Array(
    Type.String({ pattern: '^[A-Za-z0-9.:\\[\\]-]+$', expected: 'a host name, with a port where it is not that of https' }),
    {
      description: "Hosts that the bot's token may be sent to",
      default: [
        'smba.trafficmanager.net',
        'smba.infra.gcc.teams.microsoft.com',
        'smba.infra.gov.teams.microsoft.us',
        'smba.infra.dod.teams.microsoft.us'
      ]
    }
  ),
  issuer: Type.String({ description: "Issuer of the platform's tokens", default: 'https://api.botframework.com', ...filled }),
  openid_url: Type.String({
    description: 'OpenID metadata with the address of the keys',
    default: 'https://login.botframework.com/v1/.well-known/openidconfiguration',
    ...endpoint
  }),
  login_url: Type.String({
    description: 'Token endpoint for answers',
    default: 'https://login.microsoftonline.com',
    ...endpoint
  }),
  groups
})
