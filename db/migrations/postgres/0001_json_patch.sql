-- Merges the members of a JSON object into another one, like json_patch of SQLite (RFC 7396).
CREATE FUNCTION flynn_json_patch(target jsonb, patch jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN jsonb_typeof(patch) <> 'object' THEN patch ELSE coalesce((
    SELECT jsonb_object_agg(key, CASE WHEN p.value IS NULL THEN t.value ELSE flynn_json_patch(t.value, p.value) END)
    FROM jsonb_each(CASE WHEN jsonb_typeof(target) = 'object' THEN target ELSE '{}'::jsonb END) t
    FULL JOIN jsonb_each(patch) p USING (key)
    WHERE p.value IS DISTINCT FROM 'null'::jsonb
  ), '{}'::jsonb) END
$$;
