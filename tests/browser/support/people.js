// Who the pages are shown to.

/** Makes a member and an administrator. */
export async function people(server) {
  const member = await server.account("ann@example.com", "correct horse", "--name", "Ann");
  return { member };
}
