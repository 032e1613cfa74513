/// The number of the decoder block that a module or tensor belongs to; nil for those of none.
package func blockNumber(of name: String) -> Int? {
  let parts = name.split(separator: ".")
  guard let place = parts.firstIndex(of: "layers"), place + 1 < parts.count else { return nil }
  return Int(parts[place + 1])
}
