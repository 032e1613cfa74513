import Checkpoints
import Foundation
import JSONText

/// What the source's own files say about it on a model card.
struct SourceCard {
  let folder: URL
  let configuration: JSONValue

  /// The lines of the source's front matter that also hold for a quantized copy.
  var frontMatter: [String] {
    let keys = ["license", "license_name", "license_link", "language", "pipeline_tag"]
    guard
      let data = try? Data(contentsOf: folder.appending(path: "README.md"), options: .alwaysMapped),
      let text = String(validating: Self.beginning(of: data), as: UTF8.self)
    else { return [] }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      String($0.hasSuffix("\r") ? $0.dropLast() : $0)
    }
    guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return [] }
    var kept: [String] = []
    var isKept = false
    for line in lines[1..<end] {
      // What is indented, or an element of a list, belongs to the key above it.
      if let first = line.first, first != " ", first != "-", first != "#" {
        isKept = keys.contains { line.hasPrefix($0 + ":") }
      }
      if isKept { kept.append(line) }
    }
    return kept
  }

  /// The lines that front matter may stand in; a file without end is not read to its end.
  private static func beginning(of data: Data) -> Data {
    let beginning = data.prefix(1 << 16)
    guard beginning.count < data.count else { return data }
    // The cut may be within a character.
    return beginning.prefix(through: beginning.lastIndex(of: 0x0A) ?? beginning.startIndex)
  }

  /// What the hub calls the model, as far as that can be known from here.
  var name: String {
    // The cache of the hub's own client: models--<owner>--<name>/snapshots/<revision>.
    let path = folder.standardizedFileURL.pathComponents
    if let cached = path.last(where: { $0.hasPrefix("models--") }) {
      let parts = cached.dropFirst("models--".count).components(separatedBy: "--")
      if parts.count == 2 { return parts.joined(separator: "/") }
    }
    if let recorded = configuration["_name_or_path"]?.stringValue,
      recorded.split(separator: "/", omittingEmptySubsequences: false).count == 2,
      !recorded.hasPrefix("/"), !recorded.hasPrefix("."), !recorded.hasSuffix("/")
    {
      return recorded
    }
    return path.last ?? "unknown"
  }

  /// Whether the tokenizer has a template for conversations.
  var hasChatTemplate: Bool {
    let files = ["chat_template.jinja", "chat_template.json"]
    if files.contains(where: {
      FileManager.default.fileExists(atPath: folder.appending(path: $0).path)
    }) {
      return true
    }
    guard let data = try? Data(contentsOf: folder.appending(path: "tokenizer_config.json")),
      let json = try? JSONValue.parse(Array(data))
    else { return false }
    return json["chat_template"].map { $0 != .null } ?? false
  }

  /// The files with the license's terms.
  static func licenseFiles(_ checkpoint: Checkpoint) -> [String] {
    checkpoint.otherFiles.map(\.lastPathComponent).filter {
      $0.lowercased().hasPrefix("licen")
    }
  }
}
