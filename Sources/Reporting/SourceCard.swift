package import Checkpoints
import Execution
package import Foundation
import JSONText

/// What the source's own files say about it on a model card.
package struct SourceCard {
  private let source: Checkpoint
  private var folder: URL { source.folder }

  package init(of source: Checkpoint) { self.source = source }

  /// The lines of the source's front matter that also hold for a quantized copy.
  var frontMatter: [String] {
    let file = folder.appending(path: "README.md")
    return (try? Data(contentsOf: file, options: .alwaysMapped)).map(Self.frontMatter) ?? []
  }

  /// The same lines of a README.md.
  package static func frontMatter(_ data: Data) -> [String] {
    let keys = ["license", "license_name", "license_link", "language", "pipeline_tag"]
    // Front matter stands at the beginning; a file without end is not read to its end, and what is cut
    // may be in the middle of a character.
    let beginning = data.prefix(1 << 16)
    guard
      let text = (0..<4).lazy
        .compactMap({ String(validating: beginning.dropLast($0), as: UTF8.self) }).first
    else { return [] }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
    guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return [] }
    var kept: [String] = []
    var isKept = false
    for line in lines[1..<end] {
      // Three dashes or dots at the beginning of a line end a document in YAML.
      if line.hasPrefix("---") || line.hasPrefix("...") {
        isKept = false
      }
      // What is indented, or an element of a list, belongs to the key above it.
      else if let first = line.first, first != " ", first != "-", first != "#" {
        isKept = keys.contains { line.hasPrefix($0 + ":") }
      }
      if isKept { kept.append(line) }
    }
    return kept
  }

  /// What the hub calls the model, as far as that can be known from here.
  var name: String {
    // The cache of the hub's own client: models--<owner>--<name>/snapshots/<revision>.
    let path = folder.standardizedFileURL.pathComponents
    if let cached = path.last(where: { $0.hasPrefix("models--") }) {
      let parts = cached.dropFirst("models--".count).components(separatedBy: "--")
      if parts.count == 2 { return parts.joined(separator: "/") }
    }
    if let recorded = source.configuration["_name_or_path"]?.stringValue,
      recorded.split(separator: "/", omittingEmptySubsequences: false).count == 2,
      !recorded.hasPrefix("/"), !recorded.hasPrefix("."), !recorded.hasSuffix("/")
    {
      return recorded
    }
    return path.last ?? "unknown"
  }

  /// Whether the model has a template for conversations.
  var hasChatTemplate: Bool { source.hasChatTemplate }

  /// The files with the license's terms.
  var licenseFiles: [String] {
    source.otherFiles.map(\.lastPathComponent).filter { $0.lowercased().hasPrefix("licen") }
  }
}
