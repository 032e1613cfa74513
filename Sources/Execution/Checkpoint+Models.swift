package import ChatTemplates
package import Checkpoints
package import Diagnostics
package import Foundation
import GGUFModels
import JSONText
package import Tokenization

extension Checkpoint {
  /// Opens a model: the folder of a checkpoint, a file of llama.cpp, or a folder that has exactly one of these and no
  /// configuration.
  package static func model(opening location: URL) throws(InputError) -> Checkpoint {
    guard let file = try GGUFModel.file(at: location) else {
      return try Checkpoint(opening: location)
    }
    return try GGUFModel(opening: file).checkpoint
  }

  /// The model's tokenizer: that of its folder, or the one that its file was read to have.
  package func tokenizer() throws(InputError) -> Tokenizer {
    guard isOneFile else { return try Tokenizer(folder: folder) }
    let texts = try tokenizerTexts()
    return try naming(folder.path) { () throws(InputError) in
      try Tokenizer(Array(texts.tokenizer.utf8), configuration: .parse(texts.configuration))
    }
  }

  /// How the model wants conversations: by the template of its folder or its file, or by another.
  ///
  /// - Parameters:
  ///   - file: A template to take instead of the model's own.
  ///   - advice: What else can be done where there is no template.
  package func chatFormat(file: URL?, advice: String) throws -> ChatFormat {
    guard isOneFile else { return try ChatFormat(folder: folder, file: file, advice: advice) }
    return try ChatFormat(
      settings: tokenizerSettings(), source: tokenizerName, file: file, advice: advice)
  }

  /// Whether there is a template that is taken for conversations where none is named, as a file of its own or as a part of
  /// another.
  package var hasChatTemplate: Bool {
    (try? chatTemplates().templates.contains { $0.name == "default" }) ?? false
  }

  private func chatTemplates() throws(InputError) -> StoredTemplates {
    guard isOneFile else { return try StoredTemplates(folder: folder) }
    return try StoredTemplates(settings: tokenizerSettings(), source: tokenizerName)
  }

  /// What tokenizer_config.json would say of a model in one file.
  private func tokenizerSettings() throws(InputError) -> JSONValue {
    let settings = try tokenizerTexts().configuration
    return try naming(tokenizerName) { () throws(InputError) in try JSONValue.parse(settings) }
  }

  /// The content of tokenizer.json; nil where there is none.
  package var tokenizerFile: [UInt8]? {
    guard isOneFile else {
      return try? readFile(folder.appending(path: "tokenizer.json").path(percentEncoded: false))
    }
    return (try? tokenizerTexts()).map { Array($0.tokenizer.utf8) }
  }

  /// The file that the tokenizer is read from, for errors.
  package var tokenizerName: String {
    (isOneFile ? folder : folder.appending(path: "tokenizer.json"))
      .path(percentEncoded: false)
  }

  private func tokenizerTexts() throws(InputError) -> (tokenizer: String, configuration: String) {
    // What was made when the file was opened; else reading says what is in the way.
    let documents =
      documents.isEmpty ? try GGUFModel(opening: folder).tokenizerFiles() : documents
    func text(_ name: String) -> String { documents.first { $0.name == name }?.text ?? "{}" }
    return (text("tokenizer.json"), text("tokenizer_config.json"))
  }
}
