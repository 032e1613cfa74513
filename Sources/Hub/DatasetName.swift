package import Diagnostics
import Foundation

/// A file of a dataset on a hub: `owner/name`, or `hf://datasets/owner/name/file`, each with `@revision` after the name.
package struct DatasetName: Equatable, Sendable {
  package let name: ModelName
  /// The path of the file in the dataset; nil: the one that is meant.
  package let file: String?

  private static let scheme = "hf://datasets/"
  /// Names of files that are no names of datasets, whether there is one or not.
  private static let extensions = ["jsonl", "json", "txt", "parquet", "csv", "arrow"]

  /// Reads a name; nil if the text is none, but a path or nothing that makes sense.
  ///
  /// - Throws: `InputError` of code `invalidValue` for an address of a dataset that cannot be one.
  package init?(_ text: String) throws(InputError) {
    let isAddress = text.hasPrefix(Self.scheme)
    let words = text.dropFirst(isAddress ? Self.scheme.count : 0)
      .split(separator: "/", maxSplits: isAddress ? 2 : Int.max, omittingEmptySubsequences: false)
    let last = words.last?.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
    guard isAddress || !Self.extensions.contains(last.lowercased()) else { return nil }
    guard words.count >= 2,
      var name = try ModelName(words.prefix(2).joined(separator: "/")),
      isAddress || words.count == 2
    else {
      guard isAddress else { return nil }
      throw InputError(
        .invalidValue, source: text,
        "is no address of a dataset; expected \(Self.scheme)owner/name/file")
    }
    name.kind = .dataset
    self.name = name
    file = words.count > 2 ? String(words[2]) : nil
  }

  /// The file that is meant, of those that the dataset has.
  ///
  /// - Throws: `missing` if there is none such, with what there is; `unsupported` if there are several.
  package func choose(among paths: [String]) throws(InputError) -> String {
    if let file {
      guard paths.contains(file) else {
        throw InputError(
          .missing, source: name.text, "has no file \(quoted(file))\(Self.list(paths))")
      }
      return file
    }
    var known: [String] = []
    for kind in [".jsonl", ".json", ".txt"] where known.isEmpty {
      known = paths.filter { $0.lowercased().hasSuffix(kind) && !Self.isAboutTheDataset($0) }
    }
    let training = known.filter { $0.lowercased().contains("train") }
    let meant = known.count > 1 ? training : known
    guard meant.count != 1 else { return meant[0] }
    guard known.isEmpty else {
      throw InputError(
        .unsupported, source: name.text,
        "has several files with records or text; name one as \(Self.scheme)\(name.text)/FILE\(Self.list(known))"
      )
    }
    throw InputError(
      .unsupported, source: name.text,
      "has no .jsonl, .json or .txt file\(Self.list(paths)); to convert it: python3 -c 'import datasets, sys; "
        + "datasets.load_dataset(sys.argv[1], split=\"train\").to_json(sys.argv[2])' \(name.repository) data.jsonl"
    )
  }

  private static func isAboutTheDataset(_ path: String) -> Bool {
    let file = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    return [
      "dataset_infos.json", "dataset_info.json", "license.txt", "readme.txt", "requirements.txt",
    ].contains(file)
      || path.hasPrefix(".")
  }

  private static func list(_ paths: [String]) -> String {
    guard !paths.isEmpty else { return "" }
    let shown = paths.sorted().prefix(5).map(quoted).joined(separator: ", ")
    return "; it has \(shown)" + (paths.count > 5 ? " and \(paths.count - 5) more" : "")
  }
}
