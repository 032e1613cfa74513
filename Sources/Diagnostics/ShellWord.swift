/// A path as one word of a shell command: quoted where it needs to be.
package func shellWord(_ text: String) -> String {
  let isPlain = text.unicodeScalars.allSatisfy {
    ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
      || "/._-+:@%,".unicodeScalars.contains($0)
  }
  if isPlain, !text.isEmpty { return text }
  let parts = text.split(separator: "'", omittingEmptySubsequences: false)
  return "'" + parts.joined(separator: #"'\''"#) + "'"
}
