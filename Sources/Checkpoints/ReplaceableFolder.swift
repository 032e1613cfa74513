import Diagnostics
import Foundation
import JSONText
import Tensors

/// What speaks against replacing a folder with a checkpoint.
///
/// A mistaken path costs whatever is there, so a folder is replaced only where a checkpoint that this program
/// or another quantizer wrote is all that it can be, or where it is empty.
struct ReplaceableFolder {
  private let path: String

  init(_ path: String) { self.path = path }

  /// Why the folder has to stay; nil if it may be replaced.
  var objection: String? {
    if isAroundWorkingFolder { return "is the working folder, or around it" }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      return "cannot be listed"
    }
    if holdsCheckpoints(names) { return nil }
    let recorded = recordedNames(names)
    let foreign = names.sorted().filter { !recorded.contains($0) && isForeign($0) }
    // Among folders of checkpoints it is what else there is that keeps them.
    if let name = foreign.first(where: { !holdsCheckpoints([$0]) }) ?? foreign.first {
      return "holds \(quoted(name)), which is no part of a checkpoint"
    }
    guard names.isEmpty || isQuantized || !recorded.isEmpty else {
      return "holds files and no quantized checkpoint (a config.json with quantization_config, or "
        + "\(Self.sumsFile) with its name)"
    }
    return nil
  }

  /// Whether all that is in it are folders with checkpoints, as a run that writes several formats leaves them.
  private func holdsCheckpoints(_ names: [String]) -> Bool {
    !names.isEmpty
      && names.allSatisfy { name in
        let inner = path + "/" + name
        guard FileStatus(path: inner, followingLinks: false)?.isFolder == true,
          FileStatus(path: inner + "/" + Self.sumsFile)?.isRegularFile == true
        else { return false }
        return ReplaceableFolder(inner).objection == nil
      }
  }

  /// The files with which this program says what it has written.
  private static let sumsFile = "SHA256SUMS"

  private var isAroundWorkingFolder: Bool {
    guard let folder = FileStatus(path: path)?.identity else { return false }
    return OutputLocation.foldersFromRoot(to: FileManager.default.currentDirectoryPath)
      .contains(folder)
  }

  /// Files that quantizers write besides those that go along with the weights of any model.
  private static let writtenNames: Set = [sumsFile, "README.md", "report.html", ".gitattributes"]
  private static let writtenExtensions: Set = ["json", "safetensors", "bin", "pt", "gguf", "yaml"]

  /// Whether something can be no part of a checkpoint: a folder, but for one of templates, or a file of a kind
  /// that no quantizer writes.
  private func isForeign(_ name: String) -> Bool {
    if FileStatus(path: path + "/" + name)?.isFolder == true {
      return name != Checkpoint.templateFolder
    }
    return !Self.writtenNames.contains(name) && !Checkpoint.isCarriedAlong(name)
      && !Self.writtenExtensions.contains(URL(filePath: name).pathExtension)
  }

  private var isQuantized: Bool {
    let file = path + "/" + Checkpoint.configurationName
    guard let bytes = try? readFile(file, limit: configurationByteCountLimit) else {
      return false
    }
    return (try? JSONValue.parse(bytes))?["quantization_config"]?.objectValue != nil
  }

  /// The files whose digests are recorded: dense checkpoints and files of llama.cpp that this program wrote have no other
  /// mark. None where neither is among them.
  private func recordedNames(_ names: [String]) -> Set<String> {
    guard let bytes = try? readFile(path + "/" + Self.sumsFile, limit: 1 << 20) else { return [] }
    // 64 digits, two spaces, and the name.
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let recorded = lines.map { String($0.dropFirst(66)) }.filter(names.contains)
    let isModel = recorded.contains { $0 == Checkpoint.configurationName || $0.hasSuffix(".gguf") }
    return isModel ? Set(recorded) : []
  }
}
