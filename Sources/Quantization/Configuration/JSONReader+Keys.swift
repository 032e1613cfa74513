package import Diagnostics
package import JSONText

extension JSONReader {
  /// Refuses members whose key is not among `known`, unless their value is null, which says nothing.
  package func requireKeys(among known: [String]) throws(InputError) {
    for (key, reader) in try members() where !known.contains(key) && !reader.value.isNull {
      let suggestion = NearestName.suggestion(for: key, among: known)
      throw InputError(
        .invalidValue, place: reader.path,
        "unknown key; "
          + (suggestion.map { "did you mean '\($0)'?" }
            ?? "known keys are \(known.joined(separator: ", "))"))
    }
  }

  /// The value as a case of an enumeration, by its raw value, case apart.
  package func choice<Choice: RawRepresentable & CaseIterable>(
    _ type: Choice.Type
  ) throws(InputError) -> Choice where Choice.RawValue == String {
    let names = Choice.allCases.map(\.rawValue)
    let text = try string()
    if let choice = Choice(rawValue: text.lowercased()) { return choice }
    throw mismatch(
      "one of \(names.joined(separator: ", "))"
        + (NearestName.suggestion(for: text, among: names).map { "; did you mean '\($0)'?" } ?? ""))
  }
}
