import Diagnostics
import Foundation
import Tensors

extension Checkpoint {
  /// The folder of a model's further chat templates.
  package static let templateFolder = "additional_chat_templates"

  /// See ``otherFiles``.
  static func findOtherFiles(_ folder: URL) throws(InputError) -> [URL] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    } catch {
      throw InputError(
        .unreadable, source: folder.path, "cannot be listed: \(systemReason(error))")
    }
    return names.sorted().map { folder.appending(path: $0) }.filter { file in
      guard let status = FileStatus(path: file.path) else { return false }
      return status.isRegularFile
        ? isCarriedAlong(file.lastPathComponent)
        : status.isFolder && file.lastPathComponent == templateFolder
    }
  }

  /// Whether a file of this name belongs to a model whatever its weights are.
  package static func isCarriedAlong(_ name: String) -> Bool {
    let name = name.lowercased()
    let names: Set = [
      "generation_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt",
      "vocab.json", "vocab.txt", "chat_template.json", "preprocessor_config.json",
      "processor_config.json", "video_preprocessor_config.json",
    ]
    return names.contains(name)
      || ["tokenizer", "license", "licence", "notice", "use_policy"].contains {
        name.hasPrefix($0)
      }
      || [".model", ".tiktoken", ".jinja", ".py"].contains { name.hasSuffix($0) }
  }
}
