import Checkpoints
import Diagnostics
import Foundation
import GGUF
import GGUFModels
import JSONText
import LanguageModels
import ModelFamilies
import Tensors
import TestSupport
import Testing

/// Files of llama.cpp, read as the models that they were made of.
@Suite struct ReadModelTests {
  /// Architectures whose files are read as text models of another family's name.
  private static let renamed: Set<String> = ["qwen2vl", "qwen3vl", "qwen3vlmoe"]

  /// What is read gives the same metadata and the same numbers again, and the numbers are those of the model that the file
  /// was made of, each in its place.
  ///
  /// The tiny Qwen 3 Next has no block of attention here, so that its file has no number of heads.
  @Test(arguments: OutlinedModel.read.filter { $0.folder != "qwen3_next" })
  func aFileIsTheModelThatItWasMadeOf(_ model: OutlinedModel) throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model.gguf")
      try model.write(to: url)
      let read = try GGUFModel(opening: url)
      let checkpoint = read.checkpoint
      let outline = try model.outline()
      let again = try GGUFModelOutline(
        of: read.configuration, tensors: checkpoint.tensorNames.compactMap(checkpoint.info),
        name: "tiny", tokenizer: nil)
      if !Self.renamed.contains(model.architecture) {
        #expect(again.metadata == outline.metadata)
      }
      let source = try model.layers(model.checkpoint)
      let tensors = Dictionary(uniqueKeysWithValues: again.tensors.map { ($0.name, $0) })
      var count = 0
      for tensor in outline.tensors {
        let other = try #require(tensors[tensor.name], "\(tensor.name)")
        #expect(other.sources.count == tensor.sources.count)
        guard case .tensors(let names, let shape) = tensor.content,
          case .tensors(let others, let otherShape) = other.content
        else { continue }
        #expect(shape == otherShape)
        for (name, other) in zip(names, others) {
          let expected = try source.tensor(name, shape: shape).floats()
          let found = try checkpoint.tensor(other, shape: shape).floats()
          if tensor.function == .none {
            #expect(found == expected, "\(name)")
          } else {
            let far = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(far < 1e-5, "\(name)")
          }
          count += 1
        }
      }
      #expect(count == checkpoint.tensorNames.count)
      #expect(count > 12)
    }
  }

  /// A depthwise convolution has three dimensions and is no stack.
  @Test func convolutionsAreOnePart() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model.gguf")
      try OutlinedModel.named("qwen3_5-text").write(to: url)
      let checkpoint = try GGUFModel(opening: url).checkpoint
      let name = "model.layers.0.linear_attn.conv1d.weight"
      let shape = try #require(checkpoint.info(name)).shape
      #expect(shape.count == 3)
      #expect(shape[0] > 1 && shape[1] == 1)
      var count = 0
      try checkpoint.forEachPart(of: name) { member, part in
        #expect(member == nil)
        #expect(part.shape == shape)
        count += 1
      }
      #expect(count == 1)
    }
  }

  @Test(arguments: OutlinedModel.all.filter { OutlinedModel.onlyWritten.contains($0.architecture) })
  func filesThatAreOnlyWrittenSaySo(_ model: OutlinedModel) throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model.gguf")
      try model.write(to: url)
      expectInputError(
        .unsupported, mentioning: ["general.architecture", model.architecture, "not read"]
      ) { try GGUFModel(opening: url) }
    }
  }

  /// Blocks are those of the source's description, where a file's family stores layers one by one as the source does.
  ///
  /// Not here: windows of StarCoder 2 and the bound of OLMoE, which files do not have, and Hunyuan, whose base is no number of f32.
  @Test(arguments: [
    "llama", "llama3-rope", "smollm3", "granite", "seed_oss", "ernie4_5", "qwen2", "qwen2-yarn",
    "qwen3",
    "qwen3_5-text", "gemma2", "gemma3", "phi3", "olmo2", "olmo3", "exaone4", "glm4", "cohere2",
    "nemotron", "ernie4_5_moe", "glm4_moe", "minimax_m2",
    "deepseek_v2", "deepseek_v3", "deepseek_v3-noqlora", "hunyuan_v1_moe", "lfm2", "lfm2_moe",
  ])
  func blocksAreThoseOfTheSource(_ name: String) throws {
    let model = try OutlinedModel.named(name)
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model.gguf")
      try model.write(to: url)
      let found = try Architectures.describe(JSONReader(GGUFModel(opening: url).configuration))
      let expected = try Architectures.describe(JSONReader(try model.configuration()))
      #expect(found.blocks.count == expected.blocks.count)
      for (a, b) in zip(found.blocks, expected.blocks) {
        #expect(a.name == b.name)
        #expect(AnyHashable(a.block) == AnyHashable(b.block), "\(a.name)")
      }
      #expect(found.positionLimit == expected.positionLimit)
      #expect(found.front.factor == expected.front.factor)
      #expect(found.end.factor == expected.end.factor)
      #expect(found.end.cap == expected.end.cap)
      #expect(found.end.isTied == expected.end.isTied)
    }
  }
}
