// A guest on @discordjs/voice. It reads JSON lines on standard input: first
//   {"guildId", "channelId", "userId", "voiceState", "voiceServer", "listenTo"}
// and then, whenever the guest is to speak, {"play": [Opus packets of 20 ms, base64]}. It writes JSON lines: {"state"}
// as the connection changes, {"opus"} (base64) for each packet of `listenTo`, after the decryption of the transport and
// that from end to end, and {"error"}. It ends when standard input closes.
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import {
	createAudioPlayer,
	createAudioResource,
	EndBehaviorType,
	joinVoiceChannel,
	StreamType,
} from '@discordjs/voice';

const lines = createInterface({ input: process.stdin });
const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
let connection;

function join({ guildId, channelId, voiceState, voiceServer, listenTo }) {
	connection = joinVoiceChannel({
		guildId,
		channelId,
		selfDeaf: false,
		selfMute: false,
		adapterCreator: (methods) => {
			// There is no Discord gateway here: the two events that it would have sent came on standard input.
			setImmediate(() => {
				methods.onVoiceStateUpdate(voiceState);
				methods.onVoiceServerUpdate(voiceServer);
			});
			return { sendPayload: () => true, destroy() {} };
		},
	});
	connection.on('stateChange', (_, state) => write({ state: state.status }));
	connection.on('error', (error) => write({ error: String(error) }));
	const stream = connection.receiver.subscribe(listenTo, { end: { behavior: EndBehaviorType.Manual } });
	stream.on('data', (packet) => write({ opus: packet.toString('base64') }));
	stream.on('error', (error) => write({ error: String(error) }));
}

function play(packets) {
	const sound = Readable.from(packets.map((packet) => Buffer.from(packet, 'base64')));
	const player = createAudioPlayer();
	player.on('error', (error) => write({ error: String(error) }));
	connection.subscribe(player);
	player.play(createAudioResource(sound, { inputType: StreamType.Opus }));
}

lines.on('line', (line) => {
	const message = JSON.parse(line);
	message.play ? play(message.play) : join(message);
});
lines.once('close', () => {
	connection?.destroy();
	process.exit(0);
});
