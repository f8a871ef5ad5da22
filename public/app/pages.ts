import type { ComponentType } from 'preact'
import type { Scope } from './gateway.ts'

/** Properties of a page: the segments of the address after its own. */
export interface PageProps {
  readonly rest: readonly string[]
}

/** A page of the dashboard. */
export interface Page {
  /** First segment of its address; empty for the overview. */
  readonly path: string
  readonly title: string
  /** Path of the drawing beside the title: lines on a grid of 24. */
  readonly icon: string
  /** Scope without which the page is not in the navigation. */
  readonly scope: Scope
  /** It fills the screen and draws its own heading. */
  readonly whole?: boolean
  /** Loaded when the page is opened. */
  readonly load: () => Promise<{ default: ComponentType<PageProps> }>
}

/** All pages, in the order of the navigation. A new one is a folder in public/pages and a line here. */
export const PAGES: readonly Page[] = [
  {
    path: '',
    title: 'Overview',
    icon: 'M4 11l8-7 8 7v9h-6v-6h-4v6H4z',
    scope: 'read',
    load: () => import('../pages/overview/index.tsx')
  },
  {
    path: 'chat',
    title: 'Chat',
    icon: 'M4 5h16v11H9l-5 4z',
    scope: 'read',
    whole: true,
    load: () => import('../chat/index.tsx')
  },
  {
    path: 'approvals',
    title: 'Approvals',
    icon: 'M12 3l8 3v6c0 5-4 8-8 9c-4-1-8-4-8-9V6zM8 12l3 3l5-6',
    scope: 'read',
    load: () => import('../pages/approvals/index.tsx')
  },
  {
    path: 'sessions',
    title: 'Sessions',
    icon: 'M4 5h12v8H8l-4 3zM19 9h1v10l-4-3H9',
    scope: 'read',
    load: () => import('../pages/sessions/index.tsx')
  },
  {
    path: 'lanes',
    title: 'Lanes',
    icon: 'M4 6h16M4 12h10M4 18h13',
    scope: 'read',
    load: () => import('../pages/lanes/index.tsx')
  },
  {
    path: 'services',
    title: 'Services',
    icon: 'M4 5h16v5H4zM4 14h16v5H4zM8 7.500h.01M8 16.500h.01',
    scope: 'operate',
    load: () => import('../pages/services/index.tsx')
  },
  {
    path: 'nodes',
    title: 'Nodes',
    icon: 'M7 3h10v18H7zM11 18h2',
    scope: 'operate',
    load: () => import('../pages/nodes/index.tsx')
  },
  {
    path: 'people',
    title: 'People',
    icon: 'M9 11a4 4 0 1 0 0-8a4 4 0 0 0 0 8zM2 21v-2a5 5 0 0 1 5-5h4a5 5 0 0 1 5 5v2M16 3a4 4 0 0 1 0 8M22 21v-2a5 5 0 0 0-4-5',
    scope: 'read',
    load: () => import('../pages/people/index.tsx')
  },
  {
    path: 'tools',
    title: 'Tools',
    icon: 'M14 6a4 4 0 0 0-5 5l-5 5 3 3 5-5a4 4 0 0 0 5-5l-3 2-2-2z',
    scope: 'read',
    load: () => import('../pages/tools/index.tsx')
  },
  {
    path: 'audit',
    title: 'Audit',
    icon: 'M6 3h9l4 4v14H6zM9 11h7M9 15h7',
    scope: 'operate',
    load: () => import('../pages/audit/index.tsx')
  },
  {
    path: 'rpc',
    title: 'RPC',
    icon: 'M8 7l-5 5 5 5M16 7l5 5-5 5',
    scope: 'read',
    load: () => import('../pages/rpc/index.tsx')
  },
  {
    path: 'config',
    title: 'Config',
    icon: 'M4 7h10M18 7h2M4 17h4M12 17h8M16 4v6M10 14v6',
    scope: 'admin',
    load: () => import('../pages/config/index.tsx')
  },
  {
    path: 'settings',
    title: 'Settings',
    icon: 'M12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3',
    scope: 'read',
    load: () => import('../pages/settings/index.tsx')
  }
]

/** The page that shows the panels of plugins: each is in the navigation under its own title. */
export const PANEL: Page = {
  path: 'panel',
  title: 'Panel',
  icon: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM16.500 13v7M13 16.500h7',
  scope: 'read',
  load: () => import('../pages/panel/index.tsx')
}

/** The page of an address. The first one stands for an address that names none. */
export function pageOf(path: readonly string[]): Page {
  return [...PAGES, PANEL].find((page) => page.path === (path[0] ?? '')) ?? PAGES[0]!
}
