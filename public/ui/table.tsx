import type { ComponentChildren } from 'preact'

/** One column of a table. */
export interface Column<T> {
  readonly title: string
  readonly cell: (row: T) => ComponentChildren
  /** Numbers stand to the right. */
  readonly number?: boolean
  /** Name of the order that the column asks for. */
  readonly sort?: string
}

export interface TableProps<T> {
  /** Noun of the rows in the plural: "sessions". */
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly id: (row: T) => string
  /** Number of rows on all pages. */
  readonly total?: number | undefined
  /** Shown without rows: the purpose of the list, and the way to its first row. */
  readonly empty: ComponentChildren
  readonly sorted?: string | undefined
  /** The lowest value comes first. Default false. */
  readonly ascending?: boolean
  readonly onSort?: (sort: string) => void
  /** Row that the address names. */
  readonly selected?: string | undefined
  /** Asks for the next page. */
  readonly onMore?: (() => void) | undefined
}

/** A list that says how many of how many it shows. */
export function Table<T>({
  label,
  columns,
  rows,
  id,
  total = rows.length,
  empty,
  sorted,
  ascending = false,
  onSort,
  selected,
  onMore
}: TableProps<T>) {
  if (rows.length === 0) return <div class="empty">{empty}</div>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be read as a form
    <div class="table" role="group" aria-label={label} tabIndex={0}>
      <table>
        <caption class="unseen">{label}</caption>
        <thead>
          <tr>
            {columns.map(({ title, number, sort }) => (
              <th
                key={title}
                scope="col"
                class={number ? 'number' : undefined}
                aria-sort={sort && sort === sorted ? (ascending ? 'ascending' : 'descending') : undefined}
              >
                {sort && onSort ? (
                  <button type="button" class="plain" onClick={() => onSort(sort)}>
                    {title} <span aria-hidden="true">{sort !== sorted ? '▿' : ascending ? '▴' : '▾'}</span>
                  </button>
                ) : (
                  title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)} class={id(row) === selected ? 'selected' : undefined}>
              {columns.map(({ title, cell, number }) => (
                <td key={title} class={number ? 'number' : undefined} data-title={title}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted">
        {`${rows.length} of ${total} ${label}`}{' '}
        {onMore && rows.length < total && (
          <button type="button" onClick={onMore}>
            Show more
          </button>
        )}
      </p>
    </div>
  )
}
