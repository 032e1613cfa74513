import Diagnostics
import Foundation
import JSONText
import Tensors

/// All tensors of a checkpoint folder, and what is wrong with how its files fit together.
struct StoredTensors {
  private(set) var tensors: [String: StoredTensor] = [:]

  /// Tensors by module, and by what is left of a name after the last dot.
  static func byModule(_ tensors: [String: StoredTensor]) -> [String: [String: StoredTensor]] {
    var modules: [String: [String: StoredTensor]] = [:]
    for (name, tensor) in tensors {
      guard let dot = name.lastIndex(of: ".") else { continue }
      modules[String(name[..<dot]), default: [:]][String(name[name.index(after: dot)...])] = tensor
    }
    return modules
  }

  init(_ folder: URL, _ report: inout VerificationReport) {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    let files = names.filter { $0.hasSuffix(".safetensors") }
    if files.isEmpty { report.add(.damage, folder.path, "holds no file of tensors") }
    for name in files { read(folder.appending(path: name), as: name, &report) }
    let index = Self.indexFile
    if names.contains(index) {
      check(index: folder.appending(path: index), files: Set(files), &report)
    } else if files != ["model.safetensors"], !files.isEmpty {
      report.add(.damage, index, "is missing; the tensors are in \(files.count) files")
    }
  }

  /// The tensors of a source: those of the files that readers of the model read, whatever else is beside them.
  init(source folder: URL, _ report: inout VerificationReport) {
    let single = "model.safetensors"
    var files: Set = [single]
    if !FileManager.default.fileExists(atPath: folder.appending(path: single).path) {
      let index = try? JSONValue.parse(contentsOf: folder.appending(path: Self.indexFile))
      let names = index?["weight_map"]?.objectValue?.compactMap(\.value.stringValue) ?? []
      files = Set(names.filter { !$0.contains("/") })
    }
    if files.isEmpty { report.add(.damage, folder.path, "holds no file of tensors") }
    for name in files.sorted() {
      let file = folder.appending(path: name)
      read(file, as: file.path, &report)
    }
  }

  private static let indexFile = "model.safetensors.index.json"

  /// Takes the tensors of a file, which findings call `name`.
  private mutating func read(_ file: URL, as name: String, _ report: inout VerificationReport) {
    do throws(InputError) {
      let file = try TensorFile(file)
      for (tensor, entry) in file.entries {
        if let other = tensors[tensor] {
          report.add(.damage, tensor, "is in \(quoted(other.file.name)) and in \(quoted(name))")
        }
        tensors[tensor] = StoredTensor(name: tensor, file: file, entry: entry)
      }
    } catch {
      report.add(
        .damage, [name, error.place].compactMap { $0 }.joined(separator: ": "), error.message)
    }
  }

  private func check(index: URL, files: Set<String>, _ report: inout VerificationReport) {
    let name = index.lastPathComponent
    guard let json = try? JSONValue.parse(contentsOf: index),
      let map = json["weight_map"]?.objectValue
    else { return report.add(.damage, name, "is not an index of tensors") }
    var listed: Set<String> = []
    for member in map {
      listed.insert(member.key)
      let shard = member.value.stringValue ?? ""
      guard let tensor = tensors[member.key] else {
        report.add(
          .damage, member.key,
          files.contains(shard)
            ? "is not in \(quoted(shard)), where the index says it is"
            : "is said to be in \(quoted(shard)), which is not there")
        continue
      }
      if tensor.file.name != shard {
        report.add(
          .damage, member.key,
          "is in \(quoted(tensor.file.name)); the index says in \(quoted(shard))")
      }
    }
    for tensor in tensors.keys.sorted() where !listed.contains(tensor) {
      report.add(.damage, tensor, "is not in the index")
    }
    let total = tensors.values.reduce(0) { $0 + $1.entry.range.count }
    if let said = json["metadata"]?["total_size"]?.intValue, said != total {
      report.add(.damage, name, "total_size is \(said); the tensors take \(total)")
    }
  }
}
